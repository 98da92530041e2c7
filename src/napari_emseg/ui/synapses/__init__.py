"""What the page of synapses shows: the list, and the marks in the stack."""
