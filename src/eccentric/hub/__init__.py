"""Trained runs on the Hugging Face Hub: a run folder with a model card, pushed and fetched."""

from eccentric.hub.card import model_card
from eccentric.hub.remote import check_repository, fetch, push

__all__ = ["check_repository", "fetch", "model_card", "push"]
