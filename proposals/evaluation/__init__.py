"""How well proposals cover objects, and the peers they are measured against."""
