"""The document's nine fits of the S-shaped curve."""

import dataclasses
from typing import Any, ClassVar

import tfvae
from tfvae import layers, plots
from tfvae.experiments.fits import run_fits, write_findings
from tfvae.experiments.keras_notebook.curves import Curve, encoder_decoder_figure, measure, vae_of
from tfvae.experiments.study import Fit, Study
from tfvae.host.lazy import Later

keras = Later("keras")


@dataclasses.dataclass(frozen=True)
class KerasNotebookSCurve(Study):
    """The document's nine fits of the S-shaped curve, each with its own settings; 300 points."""

    name: ClassVar[str] = "keras-notebook-s-curve"
    summary: ClassVar[str] = "document 002: its nine fits of the S-shaped curve, measured"
    presets: ClassVar[dict] = {"paper": {}, "quick": {"epoch_share": 0.02, "num_seeds": 1}}

    num_points: int = 300
    epoch_share: float = 1.0  # of the document's epochs

    def fits(self) -> list[Fit]:
        def fit(name, epochs, batch_size, cls_vae=layers.MSEVariationalLayer, learning_rate=1e-3, **settings):
            def make():
                optimizer = keras.optimizers.Adam(learning_rate)
                return tfvae.make_vae(2, cls_vae=cls_vae, optimizer=optimizer, **settings)[0]

            epochs = max(1, round(epochs * self.epoch_share))
            return [
                Fit(name, seed, make, Curve.sample(self.num_points, seed), epochs, batch_size, {"epochs": epochs})
                for seed in self.seeds()
            ]

        small = {"n_layers": 2, "dim_intermediate": 20, "dropout": None}
        linear = {**small, "decoder_activation": None}
        hacky = {**linear, "cls_vae": layers.ReconstructionOnlyVariationalLayer}
        return [
            *fit("1-cross-entropy", 500, 32, layers.VariationalLayer, dim_latent=1, n_layers=1, dim_intermediate=100),
            *fit("2-mse-five-layers", 500, 200, learning_rate=1e-4, dim_latent=1, n_layers=5,
                 dim_intermediate=40, decoder_activation="tanh"),
            *fit("3-mse-two-layers", 50, 200, dim_latent=1, decoder_activation="tanh", **small),
            *fit("4-latent-10", 100, 200, dim_latent=10, decoder_activation="tanh", **small),
            *fit("5-linear-decoder-relu", 100, 32, dim_latent=2, **linear),
            *fit("6-linear-decoder-tanh", 100, 32, dim_latent=2, activation="tanh", **linear),
            *fit("7-no-kl-latent-2-tanh", 100, 32, dim_latent=2, activation="tanh", **hacky),
            *fit("8-no-kl-latent-1-tanh", 1000, 32, dim_latent=1, activation="tanh", **hacky),
            *fit("9-no-kl-latent-1-relu", 1000, 32, dim_latent=1, **hacky),
        ]  # fmt: skip

    def execute(self, run: Any) -> None:
        """The document's nine fits."""
        models, histories, rows = run_fits(
            self, run, lambda fit: {"x": fit.data.points, "validation_data": fit.data.points}, measure
        )
        names = list(dict.fromkeys(rows["variant"]))
        by = rows.groupby("variant", sort=False)[["rmse", "spearman", "kl"]].mean()

        def range_of(variants, column, form="{:.3f}"):
            values = rows.loc[rows["variant"].isin(variants), column]
            return f"{form.format(values.min())} to {form.format(values.max())}"

        claims = [
            {
                "document": "Cross-entropy: the range of z_mean is roughly [-0.005, 0.005]; p(x|z) is centred "
                "on (0.5, 0.5).",
                "measured": f"|z mean| at most {rows.loc[rows['variant'] == names[0], 'z_range'].mean():.4f} "
                f"(mean over seeds); "
                f"RMSE {by.loc[names[0], 'rmse']:.3f}, KL {by.loc[names[0], 'kl']:.4f} nats.",
            },
            {
                "document": "Squared error: the orange dots are always very tightly clustered, whatever the parameters.",
                "measured": f"Fits 2 to 6: RMSE {range_of(names[1:6], 'rmse')}; the data's own spread is "
                f"{rows['data_spread'].mean():.3f}. KL {range_of(names[1:6], 'kl', '{:.4f}')} nats.",
            },
            {
                "document": "Without the KL it is significantly better, two dimensions more so than one.",
                "measured": f"RMSE {by.loc[names[6], 'rmse']:.3f} with two, {by.loc[names[7], 'rmse']:.3f} (tanh) and "
                f"{by.loc[names[8], 'rmse']:.3f} (relu) with one; |Spearman| of one dimension "
                f"{by.loc[names[7], 'spearman']:.2f} and {by.loc[names[8], 'spearman']:.2f} "
                "(1 is the curve in its order).",
            },
        ]
        measures = ["rmse", "spearman", "kl", "active_units", "implied_scale", "z_range", "data_spread", "loss"]
        write_findings(run, rows, measures, claims)
        run.save_figure(
            "0-loss",
            plots.loss_curves(histories, title="Training, first seed; validation dashed"),
            "Training losses of the first seed. Dashed: validation.",
        )
        curves = {fit.variant: fit.data for fit in self.fits() if fit.seed == self.seed}
        for variant, model in models.items():
            run.save_figure(
                variant,
                encoder_decoder_figure(vae_of(model), curves[variant], variant),
                "Left, the data and their codes; right, the codes and what they decode to. One point for all means "
                "that z is not used.",
            )
