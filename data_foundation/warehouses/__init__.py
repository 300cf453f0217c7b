"""The engines that tables can land in, a module each; `data_foundation.warehouses.settings` chooses among them."""
