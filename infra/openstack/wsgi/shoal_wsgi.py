"""Filters for Glance's paste pipeline: an access log that names the Range, and a stand-in for Keystone."""

import json
import os
import time


def access_log_factory(global_conf, **local_conf):
    """Appends a JSON line to $SHOAL_ACCESS_LOG for each request, at the moment its status is sent.

    Not at the end of the body: a download that is cut, or a Glance that is killed, would leave no line.
    """
    descriptor = os.open(os.environ['SHOAL_ACCESS_LOG'], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def factory(app):
        def logged(environ, start_response):
            # Taken before the call: Glance's filters and routers rewrite the path in place.
            path = environ.get('SCRIPT_NAME', '') + environ.get('PATH_INFO', '')

            def start(status, headers, *rest):
                line = {
                    'at': time.time(),
                    'client': environ.get('REMOTE_ADDR'),
                    'method': environ['REQUEST_METHOD'],
                    'path': path,
                    'query': environ.get('QUERY_STRING', ''),
                    'status': int(status.split(' ', 1)[0]),
                    'range': environ.get('HTTP_RANGE'),
                }
                # One write of one line: O_APPEND keeps lines of several workers whole.
                os.write(descriptor, (json.dumps(line) + '\n').encode())
                return start_response(status, headers, *rest)

            return app(environ, start)

        return logged

    return factory


def fake_auth_factory(global_conf, **local_conf):
    """Takes the caller at its word: X-Auth-Token is `user:project:role[,role]`; anything else is nobody."""

    def factory(app):
        def authenticated(environ, start_response):
            for name in ('IDENTITY_STATUS', 'ROLES', 'USER_ID', 'PROJECT_ID'):
                environ.pop(f'HTTP_X_{name}', None)
            parts = environ.get('HTTP_X_AUTH_TOKEN', '').split(':')
            if len(parts) == 3:
                environ.update(
                    HTTP_X_IDENTITY_STATUS='Confirmed',
                    HTTP_X_USER_ID=parts[0],
                    HTTP_X_PROJECT_ID=parts[1],
                    HTTP_X_ROLES=parts[2],
                )
            return app(environ, start_response)

        return authenticated

    return factory
