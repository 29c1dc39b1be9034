#!/usr/bin/env python3
"""Signs mails with each kind of key and has a stranger's library (dkimpy) verify them, whole and tampered with.

Needs python3-dkim, python3-nacl and openssl of Debian; talks to nobody: the public key is handed over in place of DNS.
"""
import argparse, base64, glob, os, re, subprocess, sys, tempfile

import dkim

TEMPLATE = """---
subject: "Chào {{first_name}}, trà mới đã về"
---
Chào {{first_name}},

  trà   mới\tđã về.

.
From here on

{{postal_address}} [Hủy]({{unsubscribe_url}})
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drip", required=True)
    drip = os.path.abspath(parser.parse_args().drip)
    wrong = 0
    for algorithm, options, tag in [
        ("RSA", ["-pkeyopt", "rsa_keygen_bits:2048"], "rsa"),
        ("RSA", ["-pkeyopt", "rsa_keygen_bits:4096"], "rsa"),
        ("ED25519", [], "ed25519"),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            wrong += one(drip, folder, algorithm, options, tag)
    sys.exit(1 if wrong else 0)


def one(drip, folder, algorithm, options, tag):
    def write(path, text):
        path = os.path.join(folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    run = lambda *words: subprocess.run(words, cwd=folder, check=True, capture_output=True)
    write("drip.yaml", "from: Acme <hello@acme.example>\npostal_address: 12 Lý Thường Kiệt, Hà Nội\n"
                       "dkim: { selector: s1, key_file: dkim.pem }\n")
    write("campaigns/w.yaml", "trigger: { tag: go }\nexisting: include\nsteps: [{ id: a, send: mail }]\n")
    write("templates/mail.md", TEMPLATE)
    names = ["Lan", "Nguyễn Thị Ánh Tuyết", "x" * 300]
    write("contacts.csv", "email,first_name,tags\n" + "".join(f"p{i}@example.com,{name},go\n" for i, name in enumerate(names)))
    run("openssl", "genpkey", "-algorithm", algorithm, *options, "-out", "dkim.pem")
    os.chmod(os.path.join(folder, "dkim.pem"), 0o600)
    public = run("openssl", "pkey", "-in", "dkim.pem", "-pubout", "-outform", "DER").stdout
    # An Ed25519 record holds the bare key (RFC 8463 section 4), an RSA record the whole structure.
    public = public[-32:] if tag == "ed25519" else public
    record = f"v=DKIM1; k={tag}; p={base64.b64encode(public).decode()}".encode()
    run(drip, "-q", "import", "contacts.csv")
    run(drip, "-q", "run")
    mails = [open(path, "rb").read() for path in glob.glob(f"{folder}/outbox/new/*")]
    wrong = len(mails) != len(names)
    for mail in mails:
        mail = re.sub(rb"(?<!\r)\n", b"\r\n", mail)
        verify = lambda bytes: dkim.DKIM(bytes).verify(dnsfunc=lambda name, timeout=5: record)
        wrong += not verify(mail)
        head, body = mail.split(b"\r\n\r\n", 1)
        for tampered in [
            mail + b"more\r\n",
            mail.replace(b"\r\nTo: ", b"\r\nTo: x", 1),
            mail.replace(b"\r\nList-Unsubscribe: ", b"\r\nList-Unsubscribe: x", 1),
            b"From: evil@acme.example\r\n" + mail,
        ]:
            try:
                wrong += bool(verify(tampered))
            except dkim.DKIMException:
                pass
    print(f"{algorithm} {' '.join(options[1:])}: {len(mails)} mails, {wrong} wrong")
    return wrong


main()
