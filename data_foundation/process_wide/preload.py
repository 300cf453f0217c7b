"""Imported first by the server from which the `multiprocess` executor forks the processes of steps.

Imports create no garbage, and collecting it takes a fifth of the time that a step waits for them. So the server does
not collect, and forked processes exclude the imported objects from collection, as Python's documentation of `gc.freeze`
advises.
"""

import gc
import os

gc.disable()
os.register_at_fork(before=gc.freeze, after_in_child=gc.enable)
