"""Lightning, with its logger for wandb."""

import lightning
import torch
from lightning.pytorch.loggers import WandbLogger
from torch.utils.data import DataLoader, TensorDataset


class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, _index):
        x, y = batch
        loss = (self.layer(x).squeeze() - y).square().mean()
        self.log("loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


if __name__ == "__main__":
    lightning.seed_everything(1)
    x = torch.rand(64, 4)
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", logger=WandbLogger(), enable_progress_bar=False, log_every_n_steps=1,
        enable_checkpointing=False, enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(Model(), DataLoader(TensorDataset(x, x.sum(1)), batch_size=16))
