"""A server on loopback that speaks S3, with a bucket: prints its address, ends with its stdin."""

import logging
import sys
from urllib.request import Request, urlopen

from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
urlopen(Request(f"http://{host}:{port}/bucket", method="PUT")).close()
print(f"http://{host}:{port}", flush=True)
sys.stdin.read()
server.stop()
