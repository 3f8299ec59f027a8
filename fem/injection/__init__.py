"""The injection of cement over time: flow, transport, walls, needles, plan, stop rules and the balance of every drop.

Laws (``Injection``, ``CoupledFlow``, ``WallFlow``) do not change in time; what does is a value of its own
(``InjectionState``, ``FlowState``, ``WallState``), which a step takes and gives back. Here belongs what happens between
two times of an injection and what is recorded of it. How a pressure is solved for, and what is measured on a finished
field, does not.
"""
