"""Renders the Dockerfiles of images as kolla-build does: render.py KOLLA_BUILD_CONF OVERRIDES DIRECTORY...

All directories are put into one, DIRECTORY/Dockerfile.j2 becomes DIRECTORY/Dockerfile. Sources that kolla-build.conf
names become archives beside it.
"""

import configparser
import os
import pathlib
import sys
import tarfile

import jinja2
import jinja2.sandbox


def main(conf_file, overrides_file, work):
    conf = configparser.ConfigParser()
    conf.read(conf_file)
    users = {'kolla': (42400, 42400), 'nova': (42436, 42436)}
    for section in conf.sections():
        if section.endswith('-user'):
            users[section[:-5]] = (conf[section].getint('uid'), conf[section].getint('gid'))
    values = {
        'base_image': 'localhost/shoal-test-debian', 'base_distro_tag': 'latest', 'base_distro': 'debian',
        'base_package_type': 'deb', 'namespace': 'localhost/shoal-test', 'image_prefix': '', 'tag': 'latest',
        'maintainer': 'nobody', 'build_date': 'today',
        'users': {name: {'uid': uid, 'gid': gid} for name, (uid, gid) in users.items()},
    }
    for template in sorted(pathlib.Path(work).glob('**/Dockerfile.j2')):
        image = template.parent.name
        env = jinja2.sandbox.SandboxedEnvironment(loader=jinja2.FileSystemLoader(work))
        parent = set_up(env).get_template(str(template.relative_to(work)))
        overrides = jinja2.DictLoader({'overrides': pathlib.Path(overrides_file).read_text()})
        env = set_up(jinja2.sandbox.SandboxedEnvironment(loader=overrides))
        text = env.get_template('overrides').render(values, parent_template=parent, image_name=image, env=os.environ)
        (template.parent / 'Dockerfile').write_text(text)
        archive(conf, image, template.parent)


def set_up(env):
    # With --template-override one may add to, and take from, what is customizable; none of ours does.
    env.filters['customizable'] = lambda packages, name: packages
    return env


def archive(conf, image, directory):
    """NAME-archive of a source, additions-archive of all additions."""
    if image in conf:
        pack(directory / f'{image}-archive', conf[image]['location'], '')
    with tarfile.open(directory / 'additions-archive', 'w') as additions:
        folder = tarfile.TarInfo('additions')
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        additions.addfile(folder)
        for section in conf.sections():
            if section.startswith(f'{image}-additions-'):
                location = conf[section]['location']
                additions.add(location, arcname=f'additions/{os.path.basename(location)}', filter=without_owner)


def pack(target, location, prefix):
    if not os.path.isdir(location):
        target.write_bytes(pathlib.Path(location).read_bytes())
        return
    with tarfile.open(target, 'w') as packed:
        packed.add(location, arcname=prefix + os.path.basename(location), filter=without_owner)


def without_owner(entry):
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = 'root'
    return entry


main(*sys.argv[1:4])
