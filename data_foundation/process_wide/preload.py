"""What the processes of `multiprocess` have in common: imported first by the server that they are forked from.

Importing makes no garbage, and looking for it takes a fifth of the time that a step waits for the imports. So the
server does not look, and what it has imported is left out when the processes forked from it do, as Python's
documentation of `gc.freeze` advises.
"""

import gc
import os

gc.disable()
os.register_at_fork(before=gc.freeze, after_in_child=gc.enable)
