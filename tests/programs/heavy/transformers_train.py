"""transformers' Trainer, which reports to wandb by itself."""

import os

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

torch.manual_seed(1)
config = BertConfig(vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
data = [{"input_ids": torch.randint(0, 50, (8,)), "labels": torch.tensor(i % 2)} for i in range(16)]
arguments = TrainingArguments(
    os.environ["OUT"] + "/random-checkpoints", num_train_epochs=1, logging_steps=1, report_to="wandb", seed=1,
    save_strategy="no", use_cpu=True, disable_tqdm=True,
)  # fmt: skip
Trainer(BertForSequenceClassification(config), arguments, train_dataset=data).train()
