"""Measure the generative families, all of them or one: adversarial networks, autoencoders,
diffusion, deep belief networks.

    python -m benchmarks.generative               all figures (some hours on two cores)
    python -m benchmarks.generative gan           those of one family
    python -m benchmarks.generative gan points    one of its parts; --help lists them
"""

from __future__ import annotations

import click

from benchmarks import ae, dbn, diffusion, gan

FAMILIES = {"gan": gan.main, "ae": ae.main, "diffusion": diffusion.main, "dbn": dbn.main}


@click.group(invoke_without_command=True, help=__doc__, commands=FAMILIES)
@click.pass_context
def main(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        for command in FAMILIES.values():
            context.invoke(command)


if __name__ == "__main__":
    main()
