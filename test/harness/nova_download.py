"""Nova's own download and upload of images, as nova-compute does them. Reads jobs as JSON, prints what became of each."""

import hashlib
import json
import os
import sys

from nova import context as nova_context
from nova import objects
import nova.conf
from nova.image import glance
from nova.virt import images

CONF = nova.conf.CONF


def main():
    order = json.load(sys.stdin)
    CONF([], project='nova', default_config_files=[])
    CONF.set_override('instances_path', order['directory'])
    CONF.set_override('endpoint_override', order['endpoint'], group='glance')
    CONF.set_override('num_retries', 0, group='glance')
    objects.register_all()
    results = [attempt(job, order['directory']) for job in order['jobs']]
    json.dump(results, sys.stdout)


def attempt(job, directory):
    who = job['user']
    context = nova_context.RequestContext(
        user_id=who['user_id'], project_id=who['project_id'], auth_token=who['token'], roles=who['roles'],
        service_catalog=[])
    path = os.path.join(directory, job['name'])
    try:
        return JOBS[job['do']](context, job, path)
    except Exception as error:
        return {'error': type(error).__name__, 'left': os.path.exists(path) or os.path.exists(path + '.part')}


def fetch(context, job, path):
    """The file as it is in Glance; the client checks its hash."""
    images.fetch(context, job['image'], path)
    return described(path)


def fetch_to_raw(context, job, path):
    """What the libvirt driver calls for a base file."""
    images.fetch_to_raw(context, job['image'], path)
    return described(path)


def snapshot(context, job, path):
    """As the libvirt driver uploads a snapshot: a record, then the data with the properties."""
    api = glance.API()
    record = api.create(context, {'name': job['name'], 'properties': {}})
    with open(job['file'], 'rb') as data:
        metadata = {
            'name': job['name'], 'disk_format': job['format'], 'container_format': 'bare',
            'status': 'active', 'properties': {'kernel_id': '', 'image_type': 'snapshot'}}
        api.update(context, record['id'], metadata, data, purge_props=False)
    shown = api.get(context, record['id'])
    return {'image': shown['id'], 'status': shown['status'], 'size': shown['size']}


def described(path):
    digest = hashlib.sha512()
    with open(path, 'rb') as data:
        for chunk in iter(lambda: data.read(1024 * 1024), b''):
            digest.update(chunk)
    return {'size': os.path.getsize(path), 'sha512': digest.hexdigest()}


JOBS = {'fetch': fetch, 'fetch_to_raw': fetch_to_raw, 'snapshot': snapshot}

if __name__ == '__main__':
    main()
