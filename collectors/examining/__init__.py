"""A process of its own for whatever opens what people made: `worker` is the agent's side, `process` the child's.

One request a line, one answer a line, both JSON. The child is capped in memory and time, has the lowest priority for
processor and disk, and ends when its input does.
"""
