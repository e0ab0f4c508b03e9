"""The demonstration data: invented people and firms, real places, every step taken through the services."""
