"""Long work in three steps: prepare (main thread, copies), run (worker), finish (main thread, one edit)."""
