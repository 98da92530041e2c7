"""One network a file; `nn.MODELS` lists them."""
