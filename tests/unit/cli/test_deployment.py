"""``overt deployment``: the whole life at the command line, and what stops it."""


def test_from_the_form_to_the_closing(command, office):
    as_requester = ("--as", office.key("demo-requester"))
    as_officer = ("--as", office.key("demo-authoriser"))
    as_operator = ("--as", office.key("demo-operator-1"))
    as_engaged = ("--as", office.key("demo-engagement-officer-1"))

    def run(*words):
        ran = command("deployment", *words)
        assert ran.returncode == 0, ran.stderr
        return ran

    assert "Nothing is missing" in run("apply", office.form(), *as_requester).stderr
    run("check", "d-1")
    run("submit", "d-1", *as_requester)
    told = run("authorise", "d-1", *as_officer, "--yes").stderr
    print(told)
    run("check-in", "d-1", *as_operator)
    run("check-in", "d-1", *as_engaged)
    run("confirm-signs", "d-1", *as_operator)
    assert "ready" in run("ready", "d-1", *as_operator).stderr
    run("end", "d-1", *as_operator, "--reason", "Enough.")
    assert "reason_for_ending" in run("report", "d-1", "--template").stdout
    run("report", "d-1", office.report(), *as_requester)
    print(run("close", "d-1", *as_officer).stdout)
    print(run("list").stdout)
    print(run("show", "d-1").stdout)
    assert run("show", "d-1", "--json").json["state"] == "closed"
    with office.store() as store:
        store.verify()
