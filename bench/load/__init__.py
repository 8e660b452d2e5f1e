"""The load client: a process of its own, so that its CPU is counted apart from everybody else's."""
