"""Training cohorts of trials: engines, optimisers, schedules, regularisers, averages, probes, batches."""
