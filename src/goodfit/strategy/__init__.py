"""The search's decisions: proposing, narrowing, extending, selecting under noise. Pure; never sees a Task."""
