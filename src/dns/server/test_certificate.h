// A fresh self-signed certificate in PEM files that vanish with it, for tests of TLS.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "dns/server/test_world.h"

namespace popnet::dns {

class TestCertificate {
 public:
  /// `name`: of the subject.
  explicit TestCertificate(const std::string& name = "dns.test") : certificate_file_(""), key_file_("") {
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
    X509* x = certificate.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_sign(x, key.get(), EVP_sha256());
    write(certificate_path(), [&](FILE* file) { PEM_write_X509(file, x); });
    write(key_path(),
          [&](FILE* file) { PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }
  [[nodiscard]] const std::string& certificate_path() const { return certificate_file_.path(); }
  [[nodiscard]] const std::string& key_path() const { return key_file_.path(); }

 private:
  template <class Write>
  static void write(const std::string& path, Write body) {
    FILE* file = std::fopen(path.c_str(), "w");
    body(file);
    std::fclose(file);
  }
  TempFile certificate_file_, key_file_;
};

}  // namespace popnet::dns
