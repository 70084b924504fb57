"""Define the networks: codes as vectors, as distributions, as entries of a codebook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import vjp, vmap
from torch.nn.functional import one_hot

from lab import DatasetInfo
from lab.nn import initialize
from lab_ae.codebook import Codebook
from lab_ae.config import Config
from lab_ae.layers import TiedDecoder, make_decoder, make_encoder

LOGVAR = 12.0  # log variances are kept within plus and minus this
SQUASHES: Mapping[str, type[nn.Module]] = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
}


def build(config: Config, info: DatasetInfo) -> Autoencoder:
    """Return the network of the config."""
    kinds: Mapping[str, type[Autoencoder]] = {"ae": Plain, "vae": Variational, "vq": Quantized}
    net = kinds[config.kind](config, info)
    initialize(net, config.init, config.activation)
    return net


class Autoencoder(nn.Module):
    """Shapes: inputs [B, ...] as `generative.scaled` gives them, codes [B, Z], classes [B].

    Outputs [B, ...] are means, or logits of intensities; `mean` makes means of them.
    """

    per_dimension = 1  # encoder outputs for each dimension of the code

    def __init__(self, config: Config, info: DatasetInfo) -> None:
        super().__init__()
        self.size, self.shape = config.latent_dim, info.shape
        self.bits = is_bce(config, info)
        self.labels = len(info.classes) if config.conditional else 0
        self.flat = config.arch == "mlp"
        outputs = config.latent_dim * self.per_dimension
        self.encoder = make_encoder(config, info.shape, outputs, self.labels)
        if config.tied:
            self.decoder: nn.Module = TiedDecoder(config, self.encoder, info.shape)
        else:
            self.decoder = make_decoder(config, info.shape, config.latent_dim + self.labels)

    def encode(self, inputs: Tensor, classes: Tensor | None = None) -> Tensor:
        """Return the code of each input, without sampling."""
        raise NotImplementedError

    def decode(self, code: Tensor, classes: Tensor | None = None) -> Tensor:
        """Return outputs."""
        if self.labels:
            assert classes is not None
            code = torch.cat([code, one_hot(classes, self.labels).to(code.dtype)], 1)
        outputs: Tensor = self.decoder(code)
        return outputs

    def mean(self, outputs: Tensor) -> Tensor:
        return outputs.sigmoid() if self.bits else outputs

    def reconstruct(self, inputs: Tensor, classes: Tensor | None = None) -> Tensor:
        """Return reconstructions, without sampling, in the inputs' own scale."""
        return self.mean(self.decode(self.encode(inputs, classes), classes))

    def with_classes(self, inputs: Tensor, classes: Tensor | None) -> Tensor:
        """Return inputs with their one-hot classes: as more features, or as planes of 0 and 1."""
        if not self.labels:
            return inputs
        assert classes is not None
        hot = one_hot(classes, self.labels).to(inputs.dtype)
        if self.flat:
            return torch.cat([inputs.flatten(1), hot], 1)
        planes = hot[:, :, None, None].expand(-1, -1, *inputs.shape[2:])
        return torch.cat([inputs, planes], 1)


class PlainPass(NamedTuple):
    """outputs [B, ...], code [B, Z]; jacobian []: the squared norm of dcode/dinputs, summed over
    the batch, where it is penalized."""

    outputs: Tensor
    code: Tensor
    jacobian: Tensor | None


class Plain(Autoencoder):
    """A code is the encoder's output, possibly squashed (Rumelhart et al., 1986; Hinton and
    Salakhutdinov, 2006)."""

    def __init__(self, config: Config, info: DatasetInfo) -> None:
        super().__init__(config, info)
        self.squash = SQUASHES[config.code_activation]()
        self.contractive = config.contractive > 0

    def encode(self, inputs: Tensor, classes: Tensor | None = None) -> Tensor:
        code: Tensor = self.squash(self.encoder(inputs))
        return code

    def forward(self, inputs: Tensor) -> PlainPass:
        if self.contractive and self.training:
            code, jacobian = self.with_jacobian(inputs)
        else:
            code, jacobian = self.encode(inputs), None
        return PlainPass(self.decode(code), code, jacobian)

    def with_jacobian(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return codes, and the squared Frobenius norm of their Jacobian: exact, whatever the
        encoder, by one backward pass for each dimension of the code (Rifai et al., 2011)."""
        code, pull = vjp(self.encode, inputs)[:2]
        # examples do not meet in the encoder: one pass gives a row of every example's Jacobian
        rows = torch.eye(self.size, device=code.device, dtype=code.dtype)
        (jacobian,) = vmap(lambda row: pull(row.expand_as(code)))(rows)  # [Z, B, ...]
        return code, jacobian.square().sum()


class VariationalPass(NamedTuple):
    """outputs [B, ...], of the posterior mean and logvar [B, Z]; log_sigma [] of the outputs."""

    outputs: Tensor
    mean: Tensor
    logvar: Tensor
    log_sigma: Tensor


class Variational(Autoencoder):
    """A code is a normal distribution, and the prior a standard one (Kingma and Welling, 2014);
    with classes, both depend on them (Sohn et al., 2015)."""

    per_dimension = 2

    def __init__(self, config: Config, info: DatasetInfo) -> None:
        super().__init__(config, info)
        start = torch.tensor(config.sigma).log()
        self.log_sigma = nn.Parameter(start, requires_grad=config.learn_sigma)

    def posterior(self, inputs: Tensor, classes: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return mean and log variance [B, Z] of q(z|x)."""
        parameters = self.encoder(self.with_classes(inputs, classes)).float()  # in any precision
        mean, logvar = parameters.chunk(2, 1)
        return mean, logvar.clamp(-LOGVAR, LOGVAR)

    def encode(self, inputs: Tensor, classes: Tensor | None = None) -> Tensor:
        return self.posterior(inputs, classes)[0]

    def forward(
        self, inputs: Tensor, noise: Tensor, classes: Tensor | None = None
    ) -> VariationalPass:
        """noise [B, Z]: standard normal, for the reparameterization."""
        mean, logvar = self.posterior(inputs, classes)
        code = torch.addcmul(mean, noise, (0.5 * logvar).exp())
        return VariationalPass(self.decode(code, classes), mean, logvar, self.log_sigma)


class QuantizedPass(NamedTuple):
    """outputs [B, ...]; the encoder's vectors [B T, d]; their nearest entries, and the indices
    [B T] of those."""

    outputs: Tensor
    vectors: Tensor
    entries: Tensor
    indices: Tensor


class Quantized(Autoencoder):
    """A code is T entries of a codebook, each of Z / T dimensions (van den Oord et al., 2017)."""

    def __init__(self, config: Config, info: DatasetInfo) -> None:
        super().__init__(config, info)
        self.codebook = Codebook(
            config.entries,
            config.latent_dim // config.tokens,
            config.codebook == "ema",
            config.restart,
            config.codebook_decay,
        )

    def vectors(self, code: Tensor) -> Tensor:
        """Return codes [B, Z] as vectors [B T, d]."""
        return code.reshape(-1, self.codebook.entries.shape[1])

    def snap(self, code: Tensor) -> Tensor:
        """Return codes of the nearest entries."""
        entries: Tensor = self.codebook(self.vectors(code))[0]
        return entries.view_as(code)

    def encode(self, inputs: Tensor, classes: Tensor | None = None) -> Tensor:
        return self.snap(self.encoder(inputs).float())

    def forward(self, inputs: Tensor) -> QuantizedPass:
        code: Tensor = self.encoder(inputs).float()  # in any precision
        vectors = self.vectors(code)
        entries, indices = self.codebook(vectors)
        # straight through: the encoder gets the gradient of the entries
        quantized = vectors + (entries - vectors).detach()
        return QuantizedPass(self.decode(quantized.view_as(code)), vectors, entries, indices)


def is_bce(config: Config, info: DatasetInfo) -> bool:
    """Tell whether outputs are logits of intensities."""
    if config.loss == "auto":
        return config.kind == "vae" and info.kind == "image"
    return config.loss == "bce"
