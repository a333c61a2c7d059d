"""What the recipe's gates read of a problem before it is trained, a file for each thing that is looked at.

Nothing here judges. A model is built, looked at and thrown away, so there is no state to restore. Losses are the
recipe's probe losses: dropout off, BatchNorm on the statistics of the batch.
"""
