"""Pure rules and messages: money, prices, states, inputs and results of workflows. No I/O, no clock, no chance."""
