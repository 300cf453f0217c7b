"""The folders under `dlthub/`: what is in them, and how their code is imported."""
