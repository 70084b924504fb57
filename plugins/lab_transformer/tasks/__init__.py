"""Say what Transformers learn, a file for each shape of task."""
