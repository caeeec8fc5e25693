"""Puts Barbican into the catalogue, and gives admin and demo the role that may store secrets. What exists is left alone.

usage: key_manager.py KEYSTONE_V3_URL BARBICAN_URL ADMIN_PASSWORD
"""

import json
import sys
import urllib.request

keystone, url, admin_password = sys.argv[1:]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
headers = {'Content-Type': 'application/json'}


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(keystone + path, data, headers, method=method)
    with opener.open(request) as answer:
        text = answer.read()
        return answer.headers, json.loads(text) if text else None


def find_or_create(kind, name, **rest):
    found = [item for item in call('GET', f'/{kind}?name={name}')[1][kind] if item['name'] == name]
    return found[0]['id'] if found else call('POST', f'/{kind}', {kind[:-1]: {'name': name, **rest}})[1][kind[:-1]]['id']


domain = {'id': 'default'}
user = {'name': 'admin', 'domain': domain, 'password': admin_password}
auth = {
    'identity': {'methods': ['password'], 'password': {'user': user}},
    'scope': {'project': {'name': 'admin', 'domain': domain}},
}
headers['X-Auth-Token'] = call('POST', '/auth/tokens', {'auth': auth})[0]['X-Subject-Token']
role = find_or_create('roles', 'creator')
for name in ('admin', 'demo'):
    project = call('GET', f'/projects?name={name}')[1]['projects'][0]['id']
    member = call('GET', f'/users?name={name}')[1]['users'][0]['id']
    call('PUT', f'/projects/{project}/users/{member}/roles/{role}')
service = find_or_create('services', 'barbican', type='key-manager')
present = {item['interface'] for item in call('GET', f'/endpoints?service_id={service}')[1]['endpoints']}
for interface in ('public', 'internal', 'admin'):
    if interface not in present:
        endpoint = {'service_id': service, 'interface': interface, 'region_id': 'RegionOne', 'url': url}
        call('POST', '/endpoints', {'endpoint': endpoint})
