"""An existing client of the shop: synchronous, over ZeroMQ. It is the same in every step.

usage: client.py HOST PORT
"""

import sys

from zero import ZeroClient

import shopping

host, port = sys.argv[1:]
shop = ZeroClient(host, int(port))

shopping.report("zmq", [(call, shop.call(call.function, call.argument)) for call in shopping.CALLS])
