"""The document's first experiment."""

import dataclasses
from typing import Any, ClassVar

import tfvae
from tfvae import evaluation, plots
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.keras_notebook.on_mnist import OnMNIST
from tfvae.experiments.study import Fit

_LATENT_ROWS = 2_000


@dataclasses.dataclass(frozen=True)
class KerasNotebookMNIST(OnMNIST):
    """The document's first experiment: 784-256-2, dropout 0.2, cross-entropy of grey pixels, Adam, batch 100."""

    name: ClassVar[str] = "keras-notebook-mnist"
    summary: ClassVar[str] = "document 002: VariationalLayer on MNIST, with the document's figures"
    presets: ClassVar[dict] = {"paper": {}, "quick": {"num_train": 2_000, "num_test": 500, "epochs": 2, "num_seeds": 1}}

    epochs: int = 50

    def fits(self) -> list[Fit]:
        return [Fit("mnist", seed, self._make, "mnist", self.epochs, self.batch_size) for seed in self.seeds()]

    def _make(self):
        return tfvae.make_vae(784)[0]

    def execute(self, run: Any) -> None:
        """The document's run on MNIST, over several seeds, with its figures."""
        data, train, test = self.data()

        def measure(model, history, fit):
            last = history.iloc[-1]
            report = evaluation.latent_report(tfvae.models.as_vae(model), test[:_LATENT_ROWS], fit.seed)
            return {
                **{k: float(last[k]) for k in ("loss", "val_loss", "val_reconstruction", "val_kl")},
                "mutual_information": report.mutual_information,
                "active_units": report.active_units,
            }

        models, histories, rows = run_fits(self, run, lambda fit: {"x": train, "validation_data": test}, measure)
        measures = ["loss", "val_loss", "val_reconstruction", "val_kl", "mutual_information", "active_units"]
        by = rows[measures].mean()
        claims = [
            {
                "document": "After 50 epochs: loss 160.67, validation loss 157.00.",
                "measured": f"Loss {by['loss']:.2f}, validation loss {by['val_loss']:.2f} "
                f"({rows['val_loss'].min():.2f} to {rows['val_loss'].max():.2f} over {len(rows)} seeds), "
                f"of which {by['val_kl']:.2f} nats are KL.",
            },
        ]
        write_findings(run, rows, measures, claims)
        run.save_figure(
            "1-loss",
            plots.loss_curves(histories, title="Training, first seed; validation dashed"),
            "Training losses of the first seed. Dashed: validation.",
        )
        encoder, decoder = tfvae.models.encoder_and_decoder(models["mnist"])
        codes = encoder.predict(test, verbose=0)
        labels = data.y_test[: self.num_test]
        run.save_figure(
            "2-latent",
            plots.latent_scatter(codes, labels, "Means of q(z|x) of the test digits"),
            "Where the encoder puts test digits, one colour a digit.",
        )
        grid = plots.manifold_codes(15)
        images = decoder.predict(grid, verbose=0).reshape(-1, 28, 28)
        run.save_figure(
            "3-manifold",
            plots.image_grid(images, "Decoder means on a grid of z", 15, gap=0, ink=False),
            "Decoder means on a grid of z, even in probability.",
        )
        run.save_figure("4-beta-densities", plots.beta_densities(), "The densities of the document's last figure.")
