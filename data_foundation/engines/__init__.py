"""The engines that tables can land in, a module each; `data_foundation.warehouse` chooses among them."""
