"""The suite's own certificate authority, and certificates for AWS's hosts made by it."""

import os
import ssl
import subprocess
import tempfile
import threading

lock = threading.Lock()


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def new_key(path):
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)


class Authority:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="watchbot-ca-")
        self.contexts = {}
        self.certificate, self.key = self.file("ca.pem"), self.file("ca.key")
        new_key(self.key)
        openssl("req", "-x509", "-new", "-key", self.key, "-out", self.certificate, "-days", "2",
                "-subj", "/CN=watchbot specs", "-addext", "basicConstraints=critical,CA:TRUE")
        self.host_key = self.file("host.key")
        new_key(self.host_key)

    def file(self, name):
        return os.path.join(self.folder.name, name)

    def sign(self, host):
        request, certificate = self.file(f"{host}.csr"), self.file(f"{host}.pem")
        extension = self.file(f"{host}.ext")
        with open(extension, "w", encoding="ascii") as out:
            out.write(f"subjectAltName=DNS:{host}\n")
        openssl("req", "-new", "-key", self.host_key, "-out", request, "-subj", "/CN=aws")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
                "-CAcreateserial", "-days", "2", "-extfile", extension, "-out", certificate)
        return certificate

    def context(self, place):
        """What TLS for "host:443" needs; the certificate is made when it is first asked for."""
        host = place.lstrip("/").rsplit(":", 1)[0].lower()
        with lock:
            if host not in self.contexts:
                made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                made.load_cert_chain(self.sign(host), self.host_key)
                self.contexts[host] = made
            return self.contexts[host]
