"""Options that several commands share, so that each means the same everywhere."""

from pathlib import Path
from typing import Annotated, Literal

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Acting = Annotated[Path, typer.Option("--as", help="Signing key of whoever does this.")]
RuntimeName = Annotated[
    Literal["openvino", "onnxruntime"], typer.Option(help="What runs the models.")
]
Device = Annotated[
    str,
    typer.Option(
        help="cpu; gpu (OpenVINO); cuda or tensorrt (ONNX Runtime). If it is not there, it stops."
    ),
]
