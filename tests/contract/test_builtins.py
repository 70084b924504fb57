"""Every built-in experiment keeps the contract."""

from __future__ import annotations

from lab.testing import parametrize_with_checks


@parametrize_with_checks("dqn")
def test_dqn(check) -> None:
    check()


@parametrize_with_checks("pqn")
def test_pqn(check) -> None:
    check()


@parametrize_with_checks("pg")
def test_pg(check) -> None:
    check()


@parametrize_with_checks("sb3")
def test_sb3(check) -> None:
    check()


@parametrize_with_checks("mlp")
def test_mlp(check) -> None:
    check()


@parametrize_with_checks("baseline")
def test_baseline(check) -> None:
    check()


@parametrize_with_checks("cnn")
def test_cnn(check) -> None:
    check()


@parametrize_with_checks("capsnet")
def test_capsnet(check) -> None:
    check()


@parametrize_with_checks("transformer")
def test_transformer(check) -> None:
    check()


@parametrize_with_checks("rnn")
def test_rnn(check) -> None:
    check()


@parametrize_with_checks("rntn")
def test_rntn(check) -> None:
    check()


@parametrize_with_checks("dbn")
def test_dbn(check) -> None:
    check()


@parametrize_with_checks("ae")
def test_ae(check) -> None:
    check()


@parametrize_with_checks("gan")
def test_gan(check) -> None:
    check()


@parametrize_with_checks("diffusion")
def test_diffusion(check) -> None:
    check()


@parametrize_with_checks("seq2seq")
def test_seq2seq(check) -> None:
    check()
