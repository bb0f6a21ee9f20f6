"""Celery's settings: a directory is the queue, so that no broker has to be there."""

import os
from pathlib import Path

_QUEUE = os.environ["SHOP_QUEUE"]
Path(_QUEUE).mkdir(exist_ok=True)

broker_url = "filesystem://"
broker_transport_options = {
    "data_folder_in": _QUEUE,
    "data_folder_out": _QUEUE,
    "control_folder": f"{_QUEUE}.control",
}
task_ignore_result = True
worker_hijack_root_logger = False
broker_connection_retry_on_startup = True
