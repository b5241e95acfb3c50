# How the vectors beside this file were made: by another implementation than ours (python cryptography, zlib). They are kept, not made anew.
import base64, zlib, datetime as d
from cryptography import x509
from cryptography.x509.oid import NameOID, ExtendedKeyUsageOID
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa, padding
U=d.timezone.utc
def name(cn): return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME,"Faena test vectors"),x509.NameAttribute(NameOID.COMMON_NAME,cn)])
def key(bits=2048): return rsa.generate_private_key(65537,bits)
T=d.datetime(2025,1,1,tzinfo=U)
def ca(cn,k,issuer,ik,n):
    return (x509.CertificateBuilder().subject_name(name(cn)).issuer_name(issuer).public_key(k.public_key()).serial_number(n)
      .not_valid_before(T).not_valid_after(T+d.timedelta(days=3650))
      .add_extension(x509.BasicConstraints(True,None),True)
      .add_extension(x509.KeyUsage(False,False,False,False,False,True,True,False,False),True).sign(ik,hashes.SHA256()))
def leaf(host,k,issuer,ik,a,b,n):
    return (x509.CertificateBuilder().subject_name(name(host)).issuer_name(issuer).public_key(k.public_key()).serial_number(n)
      .not_valid_before(a).not_valid_after(b)
      .add_extension(x509.BasicConstraints(False,None),True)
      .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]),False)
      .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH,ExtendedKeyUsageOID.CLIENT_AUTH]),False)
      .sign(ik,hashes.SHA256()))
pem=lambda *cs: b"".join(c.public_bytes(serialization.Encoding.PEM) for c in cs).decode()
rk,ik,lk,sk,s2=key(),key(),key(),key(),key()
root=ca("Root",rk,name("Root"),rk,1); inter=ca("Intermediate",ik,root.subject,rk,2)
H="messageverificationcerts.sandbox.paypal.com"
A,B=d.datetime(2026,1,1,tzinfo=U),d.datetime(2027,1,1,tzinfo=U)
good=leaf(H,lk,inter.subject,ik,A,B,3)
other=leaf("messageverificationcerts.paypal.com.evil.example",lk,inter.subject,ik,A,B,4)
stranger_root=ca("Root",sk,name("Root"),sk,5); stranger_inter=ca("Intermediate",s2,stranger_root.subject,sk,6)
stranger=leaf(H,lk,stranger_inter.subject,s2,A,B,7)
# a leaf that plays authority
ee=leaf(H,lk,good.subject,lk,A,B,8)
selfs=leaf(H,lk,name(H),lk,A,B,9)
open('root.pem','w').write(pem(root)); open('good.pem','w').write(pem(good,inter)); open('other_name.pem','w').write(pem(other,inter))
open('stranger.pem','w').write(pem(stranger,stranger_inter,stranger_root)); open('by_a_leaf.pem','w').write(pem(ee,good,inter)); open('self_signed.pem','w').write(pem(selfs))
body=open('body.json','rb').read()
msg=b"69cd13f0-d67a-11e5-baa3-778b53f4ae55|2026-11-28T11:00:00Z|8PT597110X687430LKGECATA|%d"%zlib.crc32(body)
print(msg)
open('signature.txt','w').write(base64.b64encode(lk.sign(msg,padding.PKCS1v15(),hashes.SHA256())).decode())
open('signature_sha1.txt','w').write(base64.b64encode(lk.sign(msg,padding.PKCS1v15(),hashes.SHA1())).decode())
open('signature_pss.txt','w').write(base64.b64encode(lk.sign(msg,padding.PSS(padding.MGF1(hashes.SHA256()),32),hashes.SHA256())).decode())
