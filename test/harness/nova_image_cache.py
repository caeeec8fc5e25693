"""Runs Nova's own code on an image cache and prints what came of each command as one line of JSON.

usage: nova_image_cache.py INSTANCES_PATH COMMAND , [COMMAND ,]...

commands: boot IMAGE MACHINE qcow2|raw BYTES [no-raw]
          precache IMAGE
          pass [IMAGE=MACHINE...]

boot makes a machine's disk as the libvirt driver does; pass is one run of the cache manager, with the machines named.
"downloads" counts what Nova asked of Glance: there is none here, and asking fails.
"""

import json
import os
import sys
from unittest import mock

import nova.conf
import nova.privsep
from nova import config
from nova import objects
from nova.compute import vm_states
from nova.image import glance
from nova.virt.libvirt import driver
from nova.virt.libvirt import imagebackend
from nova.virt.libvirt import imagecache
from nova.virt.libvirt import utils as libvirt_utils

CONF = nova.conf.CONF
instances_path, *words = sys.argv[1:]
config.parse_args(['nova', '--config-file', os.devnull], default_config_files=[], configure_db=False)
CONF.set_override('instances_path', instances_path)
# What needs root runs here, instead of in a daemon of its own.
nova.privsep.sys_admin_pctxt.set_client_mode(False)
objects.register_all()

downloads = []


def refuse(*args, **kwargs):
    downloads.append(repr(args[1:]))
    raise RuntimeError('there is no Glance here')


class FakeInstance(dict):
    __getattr__ = dict.__getitem__


def boot(image, machine, images_type, size, *options):
    CONF.set_override('force_raw_images', 'no-raw' not in options)
    path = os.path.join(instances_path, machine)
    os.makedirs(path, exist_ok=True)
    made = {'qcow2': imagebackend.Qcow2, 'raw': imagebackend.Flat}[images_type](path=os.path.join(path, 'disk'))
    # As LibvirtDriver._create_and_inject_local_root does.
    made.cache(
        fetch_func=libvirt_utils.fetch_image, context=None, filename=imagecache.get_cache_fname(image),
        size=int(size) or None, image_id=image,
    )
    return {'backing': libvirt_utils.get_disk_backing_file(made.path, basename=False), 'format': made.driver_format}


def precache(image):
    return {'wasDownloaded': driver.LibvirtDriver.cache_image(mock.Mock(), None, image)}


def one_pass(*used):
    instances = []
    for pair in used:
        image, machine = pair.split('=')
        fields = {'uuid': machine, 'name': machine, 'host': CONF.host, 'image_ref': image, 'kernel_id': None}
        instances.append(FakeInstance(fields, ramdisk_id=None, task_state=None, vm_state=vm_states.ACTIVE, os_type=None))
    manager = imagecache.ImageCacheManager()
    with mock.patch.object(objects.BlockDeviceMappingList, 'bdms_by_instance_uuid', return_value={}):
        manager.update(None, instances)
    shown = {'active': manager.active_base_files, 'removable': manager.removable_base_files}
    return {name: sorted(os.path.basename(path) for path in paths) for name, paths in shown.items()}


command = []
with mock.patch.object(glance.API, 'download', refuse), mock.patch.object(glance.API, 'get', refuse):
    for word in words:
        if word != ',':
            command.append(word)
            continue
        answer = {'boot': boot, 'precache': precache, 'pass': one_pass}[command[0]](*command[1:])
        print(json.dumps({**answer, 'downloads': downloads}))
        command, downloads[:] = [], []
