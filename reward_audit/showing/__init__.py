"""What an audit shows: states of a task, nulls, controls, and how its frames are split among them."""
