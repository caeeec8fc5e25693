"""Creates the projects, users, roles and the image endpoint of a fresh Keystone. What exists is left alone.

usage: provision.py KEYSTONE_V3_URL IMAGE_URL ADMIN_PASSWORD

Users (password is the name and "pw"): demo and other (member and reader of the project of their name), glance
(admin and service of project service), nova (service of project service).
"""

import json
import sys
import urllib.request

keystone, image_url, admin_password = sys.argv[1:]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
headers = {'Content-Type': 'application/json'}
DEFAULT = {'domain_id': 'default'}


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(keystone + path, data, headers, method=method)
    with opener.open(request) as answer:
        text = answer.read()
        return answer.headers, json.loads(text) if text else None


def find_or_create(kind, name, **rest):
    found = [item for item in call('GET', f'/{kind}?name={name}')[1][kind] if item['name'] == name]
    if found:
        return found[0]['id']
    return call('POST', f'/{kind}', {kind[:-1]: {'name': name, **rest}})[1][kind[:-1]]['id']


domain = {'id': 'default'}
identity = {
    'methods': ['password'],
    'password': {'user': {'name': 'admin', 'domain': domain, 'password': admin_password}},
}
scope = {'project': {'name': 'admin', 'domain': domain}}
answer_headers, _ = call('POST', '/auth/tokens', {'auth': {'identity': identity, 'scope': scope}})
headers['X-Auth-Token'] = answer_headers['X-Subject-Token']

# A token with role "service" in X-Service-Token lets an expired user token pass: keystonemiddleware's default.
find_or_create('roles', 'service')
roles = {role['name']: role['id'] for role in call('GET', '/roles')[1]['roles']}
for user, project, names in (
    ('demo', 'demo', ('member', 'reader')),
    ('other', 'other', ('member', 'reader')),
    ('glance', 'service', ('admin', 'service')),
    ('nova', 'service', ('service',)),
):
    project_id = find_or_create('projects', project, **DEFAULT)
    user_id = find_or_create('users', user, password=f'{user}pw', default_project_id=project_id, **DEFAULT)
    for name in names:
        call('PUT', f'/projects/{project_id}/users/{user_id}/roles/{roles[name]}')

service_id = find_or_create('services', 'glance', type='image')
present = {item['interface'] for item in call('GET', f'/endpoints?service_id={service_id}')[1]['endpoints']}
for interface in ('public', 'internal', 'admin'):
    if interface not in present:
        endpoint = {'service_id': service_id, 'interface': interface, 'region_id': 'RegionOne', 'url': image_url}
        call('POST', '/endpoints', {'endpoint': endpoint})
