"""A problem mended on trial: the usual initialisation in place of the model's own."""

from __future__ import annotations

import dataclasses

from torch import nn

from goodfit.hyperparameters import Hyperparameters
from goodfit.training.problem import Problem


def reinitialised(problem: Problem) -> Problem:
    """The same problem with the usual initialisation of its layers: the remedy for a bad one.

    Linear and convolutional weights get He's variance for the ReLU family [231n-2], biases zero; other modules
    PyTorch's own `reset_parameters`.
    """

    def build(hyperparameters: Hyperparameters) -> nn.Module:
        model = problem.build(hyperparameters)
        linear = [module for module in model.modules() if isinstance(module, (nn.Linear, nn.modules.conv._ConvNd))]
        for module in model.modules():
            if any(module is one for one in linear):
                last = module is linear[-1]
                for name, parameter in module.named_parameters(recurse=False):
                    if name == "weight":
                        nn.init.kaiming_normal_(parameter, nonlinearity="linear" if last else "relu")
                    elif name == "bias":
                        nn.init.zeros_(parameter)
            elif callable(reset := getattr(module, "reset_parameters", None)):
                reset()
        return model

    return dataclasses.replace(problem, build=build)
