import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of `openstack`. */
export const openstackErrors = {
  SHOAL_CLOUD_CONFIG: {
    message: 'The OpenStack settings ({source}) cannot be used: {reason}.',
    hint: 'Correct clouds.yaml or the OS_* variables; `openstack token issue` with the same settings must work.',
  },
  SHOAL_CLOUD_CERTIFICATE: {
    message: 'The certificate of {url} is not trusted: {reason}.',
    hint: 'Name the file of the CA that signed it in OS_CACERT or as cacert in clouds.yaml.',
  },
  SHOAL_KEYSTONE_UNREACHABLE: {
    message: 'Keystone at {url} cannot be reached: {reason}.',
    hint: 'Check auth_url (OS_AUTH_URL), the network between here and there, and that Keystone runs.',
  },
  SHOAL_KEYSTONE_CREDENTIALS: {
    message: 'Keystone at {url} refuses the credentials of {user}.',
    hint: 'Check user, password or application credential, their domain and project, and that they are enabled and have not expired.',
  },
  SHOAL_KEYSTONE_PROTOCOL: {
    message: 'Keystone at {url} gave an answer that makes no sense: {reason}.',
    hint: 'Check that auth_url (OS_AUTH_URL) is the address of a Keystone v3, as in http://keystone:5000/v3.',
  },
  SHOAL_KEYSTONE_CATALOGUE: {
    message: 'The catalogue has no {interface} endpoint of type {service} in region {region}; it has {available}.',
    hint: 'Check region_name (OS_REGION_NAME) and interface (OS_INTERFACE), that the credentials have a project, or give the endpoint itself.',
  },
  SHOAL_GLANCE_UNREACHABLE: {
    message: 'Glance at {url} cannot be reached: {reason}.',
    hint: 'Check that Glance runs and that the endpoint of the catalogue can be reached from here.',
  },
  SHOAL_GLANCE_UNAUTHORIZED: {
    message: 'Glance at {url} does not accept the token, not even a fresh one.',
    hint: 'Check that this Glance belongs to the Keystone that gave the token, and that the clocks of both agree.',
  },
  SHOAL_GLANCE_FORBIDDEN: {
    message: 'Glance does not let these credentials read image {image}.',
    hint: 'Use credentials of a project that owns the image or is a member of it, or ask for the policy download_image.',
  },
  SHOAL_GLANCE_NOT_FOUND: {
    message: 'Glance has no image {image}, or hides it from these credentials.',
    hint: 'Check the id; if the image was deleted there is nothing to do; if it is private, use credentials of its project.',
  },
  SHOAL_GLANCE_DEACTIVATED: {
    message: 'Image {image} is deactivated.',
    hint: 'Reactivate it in Glance (openstack image set --activate) if it is to be distributed.',
  },
  SHOAL_GLANCE_NOT_READY: {
    message: 'Image {image} has no data to read; its status is {status}.',
    hint: 'Wait until its upload has ended and its status is active; if it is active already, its data is lost in the store.',
  },
  SHOAL_GLANCE_RANGE: {
    message: 'Glance does not give image {image} from byte {offset}: {reason}.',
    hint: 'The data in the store does not fit the size Glance has for it; check the image with a full download.',
  },
  SHOAL_GLANCE_TRUNCATED: {
    message: 'The data of image {image} ends at byte {received} of {expected}.',
    hint: 'Something between here and Glance cuts downloads short (a proxy, a time-out); Glance was asked again in vain.',
  },
  SHOAL_GLANCE_OVERLONG: {
    message: 'Glance sends more than the {expected} bytes image {image} should have.',
    hint: 'Do not trust this image; check its size in the store, and upload it again.',
  },
  SHOAL_GLANCE_HASH_MISMATCH: {
    message: 'The data of image {image} has {algorithm} {actual}, Glance says {expected}.',
    hint: 'Do not trust the data; import it again, and if it stays so, upload the image again.',
  },
  SHOAL_GLANCE_HASH_UNKNOWN: {
    message: 'The data of image {image} cannot be checked: {reason}.',
    hint: 'Upload the image again with a Glance that records os_hash_value with sha512.',
  },
  SHOAL_GLANCE_REFUSED: {
    message: 'Glance refuses to {action} image {image} ({status}): {reason}.',
    hint: 'Check the policies (add_image, upload_image, publicize_image) and the quota of the project that the credentials are for.',
  },
  SHOAL_GLANCE_UPLOAD: {
    message: 'The upload of image {image} failed after {sent} of {expected} bytes: {reason}.',
    hint: 'Nothing of it counts, and it is deleted from Glance as soon as Glance answers; upload it again.',
  },
  SHOAL_GLANCE_PROTOCOL: {
    message: 'Glance at {url} gave an answer that makes no sense: {reason}.',
    hint: 'Check that the endpoint is a Glance v2 and that nothing between here and there rewrites its answers.',
  },
  SHOAL_BARBICAN_UNREACHABLE: {
    message: 'Barbican at {url} cannot be reached: {reason}.',
    hint: 'Check that Barbican runs and that the endpoint of type key-manager in the catalogue can be reached from here.',
  },
  SHOAL_BARBICAN_FORBIDDEN: {
    message: 'Barbican does not let these credentials read secret {secret} ({status}).',
    hint: 'Let their user read it (openstack acl user add --user USER SECRET), or give them the role observer in the project that the secret belongs to.',
  },
  SHOAL_BARBICAN_TYPE: {
    message: 'Secret {secret} in Barbican is of type {type}, not a certificate.',
    hint: 'Store the certificate with openstack secret store --secret-type certificate, and set img_signature_certificate_uuid to the new id.',
  },
  SHOAL_BARBICAN_PROTOCOL: {
    message: 'Barbican at {url} gave an answer that makes no sense: {reason}.',
    hint: 'Check that the endpoint of type key-manager is a Barbican v1 and that nothing between here and there rewrites its answers.',
  },
} as const satisfies ErrorTable

export const openstackError = errorFactory(openstackErrors)
