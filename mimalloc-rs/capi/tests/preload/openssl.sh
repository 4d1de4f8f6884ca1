# Digests, ciphers and keys. What is random is only checked, not shown.

seq 300000 >plain
for digest in sha256 sha512 sha3-256 blake2b512; do openssl dgst "-$digest" plain; done
for cipher in aes-256-cbc aes-128-ctr chacha20; do
    openssl enc "-$cipher" -pbkdf2 -S 0102030405060708 -pass pass:word -in plain -out secret
    openssl dgst -sha256 secret
    openssl enc -d "-$cipher" -pbkdf2 -S 0102030405060708 -pass pass:word -in secret | cmp - plain
done
openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem 2>/dev/null ||
    openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem 2>/dev/null
openssl req -x509 -new -key key.pem -subj /CN=localhost -days 2 -out certificate.pem
openssl verify -CAfile certificate.pem certificate.pem
openssl dgst -sha256 -sign key.pem -out signature plain
openssl x509 -in certificate.pem -pubkey -noout >public.pem
openssl dgst -sha256 -verify public.pem -signature signature plain
openssl speed -seconds 1 -bytes 1024 -multi 2 sha256 >/dev/null 2>&1
echo "measured: $?"
