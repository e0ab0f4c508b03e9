from django.db import models
from django.db.models import Q

from greenlist.core.actors import Actor, Capacity
from reviews.states import PanelState


class PanelQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "PanelQuerySet":
        """The convening authority's officials; an expert on it once it is open, until it closes."""
        if actor.is_official:
            return self.filter(authority_id=actor.authority_id)
        if actor.capacity == Capacity.EXPERT:
            return self.filter(state=PanelState.OPEN, seats__user_id=actor.user_id, seats__recused_at=None)
        return self.none()


class SeatQuerySet(models.QuerySet):
    def of(self, actor: Actor) -> "SeatQuerySet":
        """The expert's own live seats on open panels."""
        return self.filter(user_id=actor.user_id, recused_at=None, panel__state=PanelState.OPEN)


class DecisionQuerySet(models.QuerySet):
    def visible_to(self, actor: Actor) -> "DecisionQuerySet":
        """The deciding authority's officials, nobody else before it is published."""
        return self.filter(Q(authority_id=actor.authority_id)) if actor.is_official else self.none()
