"""Signs a file with a key of each type, as the owner of an image does, and verifies that as Nova does: with cursive and a real Barbican.

Reads {auth_url, barbican, token, project, file} as JSON; prints the id of the authority, and of each image its properties.
"""

import base64
import datetime
import json
import sys
import urllib.request

from castellan import options
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cursive import certificate_utils, exception, signature_utils
from oslo_config import cfg
from oslo_context import context as oslo_context

HASHES = {'SHA-224': hashes.SHA224, 'SHA-256': hashes.SHA256, 'SHA-384': hashes.SHA384, 'SHA-512': hashes.SHA512}
KINDS = [
    ('RSA-PSS', 'SHA-224'), ('RSA-PSS', 'SHA-256'), ('RSA-PSS', 'SHA-384'), ('RSA-PSS', 'SHA-512'), ('DSA', 'SHA-256'),
    ('ECC_SECP384R1', 'SHA-384'), ('ECC_SECP521R1', 'SHA-512'), ('ECC_SECT409K1', 'SHA-224'),
    ('ECC_SECT409R1', 'SHA-256'), ('ECC_SECT571K1', 'SHA-512'), ('ECC_SECT571R1', 'SHA-384'),
]
DAY = datetime.timedelta(days=1)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def new_key(kind):
    if kind == 'RSA-PSS':
        return rsa.generate_private_key(65537, 2048)
    if kind == 'DSA':
        return dsa.generate_private_key(2048)
    return ec.generate_private_key(getattr(ec, kind[len('ECC_'):])())


def new_certificate(name, key, issuer=None, issuer_key=None, is_authority=False):
    now = datetime.datetime.utcnow()
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY).not_valid_after(now + DAY))
    if is_authority:
        names = ('digital_signature', 'content_commitment', 'key_encipherment', 'data_encipherment', 'key_agreement',
                 'key_cert_sign', 'crl_sign', 'encipher_only', 'decipher_only')
        usage = x509.KeyUsage(**{each: each == 'key_cert_sign' for each in names})
        builder = builder.add_extension(x509.BasicConstraints(True, 1), True).add_extension(usage, True)
    return builder.sign(issuer_key or key, hashes.SHA256())


def store(order, certificate):
    body = {
        'name': 'signer', 'secret_type': 'certificate', 'payload_content_type': 'application/octet-stream',
        'payload_content_encoding': 'base64',
        'payload': base64.b64encode(certificate.public_bytes(serialization.Encoding.PEM)).decode()}
    headers = {'Content-Type': 'application/json', 'X-Auth-Token': order['token']}
    request = urllib.request.Request(order['barbican'] + '/v1/secrets', json.dumps(body).encode(), headers)
    with opener.open(request) as answer:
        return json.load(answer)['secret_ref'].rsplit('/', 1)[1]


def sign(key, kind, method, data):
    algorithm = HASHES[method]()
    if kind == 'RSA-PSS':
        return key.sign(data, padding.PSS(padding.MGF1(algorithm), padding.PSS.MAX_LENGTH), algorithm)
    return key.sign(data, algorithm) if kind == 'DSA' else key.sign(data, ec.ECDSA(algorithm))


def main():
    order = json.load(sys.stdin)
    options.set_defaults(
        cfg.CONF, backend='barbican', barbican_endpoint=order['barbican'], auth_endpoint=order['auth_url'])
    context = oslo_context.RequestContext(auth_token=order['token'], project_id=order['project'])
    with open(order['file'], 'rb') as file:
        data = file.read()
    authority_key = ec.generate_private_key(ec.SECP384R1())
    authority = new_certificate('authority', authority_key, is_authority=True)
    trusted = store(order, authority)

    def signed(kind, method, issuer, issuer_key):
        key = new_key(kind)
        certificate = store(order, new_certificate(f'{kind} {method}', key, issuer, issuer_key))
        properties = {
            'img_signature': base64.b64encode(sign(key, kind, method, data)).decode(),
            'img_signature_hash_method': method, 'img_signature_key_type': kind,
            'img_signature_certificate_uuid': certificate}
        verifier = signature_utils.get_verifier(context, certificate, method, properties['img_signature'], kind)
        verifier.update(data)
        verifier.verify()
        return properties

    images = []
    for kind, method in KINDS:
        properties = signed(kind, method, authority, authority_key)
        certificate_utils.verify_certificate(context, properties['img_signature_certificate_uuid'], [trusted])
        images.append(properties)
    stranger = signed('ECC_SECP384R1', 'SHA-256', None, None)
    try:
        certificate_utils.verify_certificate(context, stranger['img_signature_certificate_uuid'], [trusted])
        sys.exit('cursive trusts a stranger')
    except exception.SignatureVerificationError:
        pass
    json.dump({'trusted': trusted, 'images': images, 'stranger': stranger}, sys.stdout)


main()
