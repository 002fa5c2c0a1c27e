//! Where snapshots are kept: state files, manifests, retention, the folder's lock.
