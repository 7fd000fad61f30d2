"""What the tabs share: the head, languages, uploads, the models on offer, endpoints for programs."""
