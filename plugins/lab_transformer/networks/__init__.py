"""Build the networks: encoders of anything with steps, encoder-decoders, decoders."""
