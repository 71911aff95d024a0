"""The names of the files in a run folder."""

CONFIG, METRICS, MODEL = "config.json", "metrics.csv", "model.safetensors"
COMPONENTS, LATENTS, EVALUATION = "components.safetensors", "latents.parquet", "evaluation.json"
EXAMPLES, CHECKPOINTS, REPORT = "examples.safetensors", "checkpoint", "report.html"
LOCK = ".lock"
