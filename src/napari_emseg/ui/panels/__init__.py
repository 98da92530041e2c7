"""One panel a stage: thin widgets that show the desk and start actions."""
