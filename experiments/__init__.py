"""Case files, the pipeline, results, figures and the command line."""
